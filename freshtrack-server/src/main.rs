//! The `freshtrack` program.

fn main() -> std::process::ExitCode {
    freshtrack_server::cli::run()
}
