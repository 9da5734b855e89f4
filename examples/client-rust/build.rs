//! Writes the client from the API description, at every build: what is not there any more does not compile.

use progenitor::{GenerationSettings, Generator, InterfaceStyle, TagStyle};
use std::path::PathBuf;
use std::{env, fs};

fn main() -> anyhow::Result<()> {
    let description = "../../openapi/v1.progenitor.json";
    println!("cargo:rerun-if-changed={description}");
    let description = serde_json::from_str(&fs::read_to_string(description)?)?;
    let mut settings = GenerationSettings::new();
    settings
        .with_interface(InterfaceStyle::Builder)
        .with_tag(TagStyle::Merged);
    let tokens = Generator::new(&settings).generate_tokens(&description)?;
    let source = prettyplease::unparse(&syn::parse2(tokens)?);
    let folder = PathBuf::from(env::var("OUT_DIR")?);
    fs::write(folder.join("client.rs"), source)?;
    Ok(())
}
