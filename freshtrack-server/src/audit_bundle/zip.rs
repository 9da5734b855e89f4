//! Just enough of the ZIP format (APPNOTE 6.3.10) for a bundle: few files, stored as they are. Any unzip
//! opens it; reading takes nothing but what is written here.

const LOCAL: u32 = 0x0403_4b50;
const CENTRAL: u32 = 0x0201_4b50;
const END: u32 = 0x0605_4b50;
/// 1980-01-01, the first day the format knows: a bundle's time is in its manifest.
const DAY_ONE: u16 = 0x0021;
/// Version 2.0, names in UTF-8.
const VERSION: u16 = 20;
const UTF8: u16 = 0x0800;
/// Most files of an archive that is read.
const FILES_MAX: u16 = 64;

/// The bytes are no archive of stored files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a ZIP archive of stored files")]
pub struct NotAnArchive;

/// A named file of an archive.
pub type File = (String, Vec<u8>);

/// Writes an archive; names and contents together below 4 GiB.
#[must_use]
pub fn write(files: &[File]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut directory = Vec::new();
    for (name, content) in files {
        let offset = length(&out);
        let entry = entry(name, content);
        out.extend(LOCAL.to_le_bytes());
        out.extend(&entry);
        out.extend(name.as_bytes());
        out.extend(content);
        directory.extend(CENTRAL.to_le_bytes());
        directory.extend(VERSION.to_le_bytes());
        directory.extend(&entry);
        // Comment, disk, attributes: none.
        directory.extend([0; 10]);
        directory.extend(offset.to_le_bytes());
        directory.extend(name.as_bytes());
    }
    let count = u16::try_from(files.len()).unwrap_or(u16::MAX);
    let start = length(&out);
    let size = length(&directory);
    out.extend(directory);
    out.extend(END.to_le_bytes());
    out.extend([0; 4]);
    out.extend(count.to_le_bytes());
    out.extend(count.to_le_bytes());
    out.extend(size.to_le_bytes());
    out.extend(start.to_le_bytes());
    out.extend([0; 2]);
    out
}

/// What local header and directory share: version, flags, method, time, checksum, sizes, name's length.
fn entry(name: &str, content: &[u8]) -> Vec<u8> {
    let size = length(content);
    let mut out = Vec::with_capacity(26);
    for word in [VERSION, UTF8, 0, 0, DAY_ONE] {
        out.extend(word.to_le_bytes());
    }
    for word in [checksum(content), size, size] {
        out.extend(word.to_le_bytes());
    }
    let name = u16::try_from(name.len()).unwrap_or(u16::MAX);
    out.extend(name.to_le_bytes());
    out.extend([0; 2]);
    out
}

fn length(bytes: &[u8]) -> u32 {
    u32::try_from(bytes.len()).unwrap_or(u32::MAX)
}

/// Reads the files of an archive by its directory.
///
/// # Errors
/// [`NotAnArchive`] if the bytes end early, a checksum is wrong, or a file is compressed.
pub fn read(bytes: &[u8]) -> Result<Vec<File>, NotAnArchive> {
    let end = bytes
        .len()
        .checked_sub(22)
        .filter(|at| u32_at(bytes, *at) == Ok(END))
        .ok_or(NotAnArchive)?;
    let count = u16_at(bytes, end + 10)?;
    if count > FILES_MAX {
        return Err(NotAnArchive);
    }
    let mut at = index(u32_at(bytes, end + 16)?)?;
    let mut files = Vec::new();
    for _ in 0..count {
        let stored = u32_at(bytes, at)? == CENTRAL && u16_at(bytes, at + 10)? == 0;
        if !stored {
            return Err(NotAnArchive);
        }
        let expected = u32_at(bytes, at + 16)?;
        let size = index(u32_at(bytes, at + 24)?)?;
        let name_length = usize::from(u16_at(bytes, at + 28)?);
        let skipped = usize::from(u16_at(bytes, at + 30)?) + usize::from(u16_at(bytes, at + 32)?);
        let offset = index(u32_at(bytes, at + 42)?)?;
        let name = part(bytes, at + 46, name_length)?;
        let content = content_at(bytes, offset, size)?;
        if checksum(content) != expected {
            return Err(NotAnArchive);
        }
        let name = String::from_utf8(name.to_vec()).map_err(|_| NotAnArchive)?;
        files.push((name, content.to_vec()));
        at += 46 + name_length + skipped;
    }
    Ok(files)
}

fn content_at(bytes: &[u8], offset: usize, size: usize) -> Result<&[u8], NotAnArchive> {
    if u32_at(bytes, offset)? != LOCAL {
        return Err(NotAnArchive);
    }
    let name = usize::from(u16_at(bytes, offset + 26)?);
    let extra = usize::from(u16_at(bytes, offset + 28)?);
    part(bytes, offset + 30 + name + extra, size)
}

fn index(value: u32) -> Result<usize, NotAnArchive> {
    usize::try_from(value).map_err(|_| NotAnArchive)
}

fn part(bytes: &[u8], at: usize, length: usize) -> Result<&[u8], NotAnArchive> {
    let end = at.checked_add(length).ok_or(NotAnArchive)?;
    bytes.get(at..end).ok_or(NotAnArchive)
}

fn u16_at(bytes: &[u8], at: usize) -> Result<u16, NotAnArchive> {
    let word = part(bytes, at, 2)?;
    word.try_into()
        .map(u16::from_le_bytes)
        .map_err(|_| NotAnArchive)
}

fn u32_at(bytes: &[u8], at: usize) -> Result<u32, NotAnArchive> {
    let word = part(bytes, at, 4)?;
    word.try_into()
        .map(u32::from_le_bytes)
        .map_err(|_| NotAnArchive)
}

/// CRC-32 (ISO 3309), bit by bit: a bundle is written rarely.
fn checksum(bytes: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            let carry = (crc & 1).wrapping_neg();
            crc = (crc >> 1) ^ (0xEDB8_8320 & carry);
        }
    }
    !crc
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files() -> Vec<File> {
        vec![
            ("a.json".to_owned(), b"{}".to_vec()),
            ("empty".to_owned(), Vec::new()),
            ("b.txt".to_owned(), vec![7; 1_000]),
        ]
    }

    #[test]
    fn the_checksum_is_the_known_one() {
        assert_eq!(checksum(b"123456789"), 0xCBF4_3926);
    }

    #[test]
    fn what_is_written_reads_back() {
        assert_eq!(read(&write(&files())), Ok(files()));
        assert_eq!(read(&write(&[])), Ok(Vec::new()));
    }

    #[test]
    fn a_changed_or_cut_archive_is_refused_and_never_panics() {
        let archive = write(&files());
        for length in 0..archive.len() {
            assert_eq!(read(&archive[..length]), Err(NotAnArchive), "{length}");
        }
        let at = archive.windows(3).position(|w| w == [7, 7, 7]).unwrap();
        let mut changed = archive.clone();
        changed[at] = 8;
        assert_eq!(read(&changed), Err(NotAnArchive));
        for at in 0..archive.len() {
            let mut changed = archive.clone();
            changed[at] ^= 0xff;
            // Whatever it says, it comes to an end.
            let _ = read(&changed);
        }
    }
}
