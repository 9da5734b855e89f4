//! The key that signs tokens of installations without an identity provider.

use freshtrack_core::ports::IdGen;
use std::fmt;
use std::io::{ErrorKind, Read, Write};
use std::path::Path;
use zeroize::Zeroizing;

/// `iss` of locally signed tokens.
pub const LOCAL_ISSUER: &str = "freshtrack-local";
/// `aud` of locally signed tokens.
pub const LOCAL_AUDIENCE: &str = "freshtrack";

const FILE: &str = "token.key";
const KEY_BYTES: usize = 32;

/// A signing key; shown nowhere.
#[derive(Clone)]
pub struct LocalKey(Zeroizing<Vec<u8>>);

impl fmt::Debug for LocalKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LocalKey(…)")
    }
}

impl LocalKey {
    /// The key's bytes, for the signer and the verifier.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// Reads the key from `data_dir`, making directory and key where they are missing. Of several
    /// processes that start at once, all end with the same key.
    ///
    /// # Errors
    /// If directory or file cannot be made or read, or the file is not a key.
    pub fn open(data_dir: &Path, ids: &dyn IdGen) -> std::io::Result<Self> {
        Self::open_as(data_dir, FILE, ids)
    }

    /// The same for another key, in a file of its own.
    pub(crate) fn open_as(data_dir: &Path, name: &str, ids: &dyn IdGen) -> std::io::Result<Self> {
        std::fs::create_dir_all(data_dir)?;
        let path = data_dir.join(name);
        if let Some(key) = read(&path)? {
            return Ok(key);
        }
        let mut bytes = Zeroizing::new(vec![0u8; KEY_BYTES]);
        ids.fill_random(&mut bytes);
        // Written aside and linked into place: nobody ever reads half a key.
        let aside = data_dir.join(format!(".{name}.{}", ids.uuid()));
        let mut options = std::fs::OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&aside)?;
        file.write_all(&bytes)?;
        file.sync_all()?;
        let linked = std::fs::hard_link(&aside, &path);
        std::fs::remove_file(&aside)?;
        match linked {
            Ok(()) => Ok(Self(bytes)),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                read(&path)?.ok_or_else(|| std::io::Error::other("the signing key vanished"))
            }
            Err(error) => Err(error),
        }
    }
}

fn read(path: &Path) -> std::io::Result<Option<LocalKey>> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(KEY_BYTES + 1));
    match std::fs::File::open(path) {
        Ok(file) => file.take(1_024).read_to_end(&mut bytes)?,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    if bytes.len() == KEY_BYTES {
        Ok(Some(LocalKey(bytes)))
    } else {
        Err(std::io::Error::other(format!(
            "{} is not a signing key",
            path.display()
        )))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::RandomIds;

    #[test]
    fn the_key_is_made_once_and_read_by_everybody_after() {
        let dir = tempfile::tempdir().unwrap();
        let nested = dir.path().join("a/b");
        let keys: Vec<_> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8)
                .map(|_| scope.spawn(|| LocalKey::open(&nested, &RandomIds).unwrap()))
                .collect();
            threads
                .into_iter()
                .map(|thread| thread.join().unwrap())
                .collect()
        });
        assert!(
            keys.windows(2)
                .all(|pair| pair[0].bytes() == pair[1].bytes())
        );
        assert_eq!(std::fs::read_dir(&nested).unwrap().count(), 1);
    }

    #[test]
    fn a_file_that_is_no_key_is_refused_not_replaced() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join(FILE), "short").unwrap();
        assert!(LocalKey::open(dir.path(), &RandomIds).is_err());
    }

    #[cfg(unix)]
    #[test]
    fn only_the_owner_may_read_the_key() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        LocalKey::open(dir.path(), &RandomIds).unwrap();
        let mode = std::fs::metadata(dir.path().join(FILE))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o077, 0);
    }
}
