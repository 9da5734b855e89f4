//! Tree hashing, proofs, and verifiers that must accept nothing but the right path.

use freshtrack_core::evidence::head::TreeHead;
use freshtrack_core::evidence::merkle::{Frontier, leaf_hash, root};
use freshtrack_core::evidence::sequence::{Incomplete, SequenceRange, contiguous};
use freshtrack_core::evidence::verify::Tree;
use freshtrack_core::evidence::{Sha256Hash, proof, verify};
use freshtrack_core::time::Timestamp;

const DATA: [&[u8]; 8] = [
    &[],
    &[0x00],
    &[0x10],
    &[0x20, 0x21],
    &[0x30, 0x31],
    &[0x40, 0x41, 0x42, 0x43],
    &[0x50, 0x51, 0x52, 0x53, 0x54, 0x55, 0x56, 0x57],
    &[
        0x60, 0x61, 0x62, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68, 0x69, 0x6a, 0x6b, 0x6c, 0x6d, 0x6e,
        0x6f,
    ],
];

const ROOTS: [&str; 9] = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
];

const LARGEST: usize = 64;

fn published() -> Vec<Sha256Hash> {
    DATA.iter().map(|data| leaf_hash(data)).collect()
}

fn many(n: usize) -> Vec<Sha256Hash> {
    (0..n).map(|i| leaf_hash(&i.to_be_bytes())).collect()
}

fn hashes(texts: &[&str]) -> Vec<Sha256Hash> {
    texts
        .iter()
        .map(|text| text.parse().expect("64 digits"))
        .collect()
}

fn tree(leaves: &[Sha256Hash]) -> Tree {
    Tree {
        size: leaves.len() as u64,
        root: root(leaves),
    }
}

#[test]
fn roots_of_the_published_leaves() {
    let leaves = published();
    let mut frontier = Frontier::new();
    for (n, expected) in ROOTS.iter().enumerate() {
        assert_eq!(root(&leaves[..n]).to_hex(), *expected, "{n} leaves");
        assert_eq!(frontier.root().to_hex(), *expected, "{n} leaves appended");
        if let Some(leaf) = leaves.get(n) {
            assert_eq!(frontier.append(*leaf), n as u64);
        }
    }
}

#[test]
fn published_proofs() {
    let leaves = published();
    assert_eq!(
        proof::inclusion(&leaves, 5).unwrap(),
        hashes(&[
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
            "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        ])
    );
    assert_eq!(
        proof::inclusion(&leaves[..3], 2).unwrap(),
        hashes(&["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"])
    );
    assert_eq!(
        proof::consistency(&leaves, 6).unwrap(),
        hashes(&[
            "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
            "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        ])
    );
    assert_eq!(
        proof::consistency(&leaves[..5], 2).unwrap(),
        hashes(&[
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        ])
    );
}

#[test]
fn every_leaf_of_every_tree_is_included_and_only_at_its_place() {
    let all = many(LARGEST);
    for n in 1..=LARGEST {
        let (leaves, head) = (&all[..n], root(&all[..n]));
        for index in 0..n {
            let path = proof::inclusion(leaves, index).unwrap();
            for claimed in 0..n {
                let holds = verify::inclusion(leaves[index], claimed as u64, n as u64, &path, head);
                assert_eq!(
                    holds,
                    claimed == index,
                    "leaf {index} of {n} claimed at {claimed}"
                );
            }
            assert!(!verify::inclusion(
                leaves[index],
                n as u64,
                n as u64,
                &path,
                head
            ));
            damaged(&path, |path| {
                verify::inclusion(leaves[index], index as u64, n as u64, path, head)
            });
        }
        assert_eq!(proof::inclusion(leaves, n), None);
    }
}

#[test]
fn every_tree_extends_every_earlier_one() {
    let all = many(LARGEST);
    for n in 0..=LARGEST {
        let second = tree(&all[..n]);
        for m in 0..=n {
            let first = tree(&all[..m]);
            let path = proof::consistency(&all[..n], m).unwrap();
            assert!(verify::consistency(first, second, &path), "{m} to {n}");
            damaged(&path, |path| verify::consistency(first, second, path));
            let forged = Tree {
                root: leaf_hash(b"forged"),
                ..first
            };
            assert!(
                !verify::consistency(forged, second, &path),
                "{m} to {n}, first forged"
            );
            if m > 0 {
                let forged = Tree {
                    root: leaf_hash(b"forged"),
                    ..second
                };
                assert!(
                    !verify::consistency(first, forged, &path),
                    "{m} to {n}, second forged"
                );
            }
            if m < n {
                assert!(
                    !verify::consistency(second, first, &path),
                    "{n} back to {m}"
                );
            }
        }
        assert_eq!(proof::consistency(&all[..n], n + 1), None);
    }
}

/// Asserts that no damaged version of `path` passes: one bit, one hash less, one hash more.
fn damaged(path: &[Sha256Hash], accepts: impl Fn(&[Sha256Hash]) -> bool) {
    for position in 0..path.len() {
        // One flipped bit in each hash here; all 256 are flipped for the published tree below.
        let mut changed = path.to_vec();
        changed[position] = flipped(path[position], position * 37 % 256);
        assert!(!accepts(&changed), "changed at {position}");
        let mut shorter = path.to_vec();
        shorter.remove(position);
        assert!(!accepts(&shorter), "without {position}");
    }
    for position in 0..=path.len() {
        for extra in [leaf_hash(b"extra"), *path.last().unwrap_or(&leaf_hash(b""))] {
            let mut longer = path.to_vec();
            longer.insert(position, extra);
            assert!(!accepts(&longer), "one more at {position}");
        }
    }
}

fn flipped(hash: Sha256Hash, bit: usize) -> Sha256Hash {
    let mut bytes = *hash.as_bytes();
    bytes[bit / 8] ^= 1 << (bit % 8);
    Sha256Hash::from_bytes(bytes)
}

#[test]
fn every_one_bit_flip_in_the_published_proofs_is_refused() {
    let leaves = published();
    let second = tree(&leaves);
    for index in 0..8 {
        let path = proof::inclusion(&leaves, index).unwrap();
        for bit in 0..path.len() * 256 {
            let mut changed = path.clone();
            changed[bit / 256] = flipped(changed[bit / 256], bit % 256);
            let leaf = leaves[index];
            assert!(!verify::inclusion(
                leaf,
                index as u64,
                8,
                &changed,
                second.root
            ));
        }
        for bit in 0..256 {
            let leaf = flipped(leaves[index], bit);
            assert!(!verify::inclusion(
                leaf,
                index as u64,
                8,
                &path,
                second.root
            ));
            let head = flipped(second.root, bit);
            assert!(!verify::inclusion(
                leaves[index],
                index as u64,
                8,
                &path,
                head
            ));
        }
    }
    for m in 1..8 {
        let path = proof::consistency(&leaves, m).unwrap();
        for bit in 0..path.len() * 256 {
            let mut changed = path.clone();
            changed[bit / 256] = flipped(changed[bit / 256], bit % 256);
            assert!(
                !verify::consistency(tree(&leaves[..m]), second, &changed),
                "{m}, bit {bit}"
            );
        }
    }
}

#[test]
fn a_frontier_appends_what_the_recursive_definition_says_and_survives_storage() {
    let leaves = many(1_000);
    let mut frontier = Frontier::new();
    for (i, leaf) in leaves.iter().enumerate() {
        frontier.append(*leaf);
        assert_eq!(frontier.peaks().len(), (i + 1).count_ones() as usize);
        if i % 97 == 0 {
            let stored = serde_json::to_string(&frontier).unwrap();
            frontier = serde_json::from_str(&stored).unwrap();
            assert_eq!(frontier.root(), root(&leaves[..=i]));
        }
    }
    assert_eq!(frontier.root(), root(&leaves));
    assert!(Frontier::restore(5, vec![leaves[0]]).is_err());
    assert!(serde_json::from_str::<Frontier>(r#"{"size":1,"peaks":[]}"#).is_err());
}

#[test]
fn a_head_names_its_predecessor_and_proves_that_it_extends_it() {
    let leaves = many(11);
    let mut frontier = Frontier::new();
    for leaf in &leaves[..7] {
        frontier.append(*leaf);
    }
    let first = TreeHead::new(
        "org_1".into(),
        &frontier,
        Timestamp::EPOCH,
        None,
        "k1".into(),
    );
    for leaf in &leaves[7..] {
        frontier.append(*leaf);
    }
    let later = Timestamp::from_seconds(86_400);
    let second = TreeHead::new("org_1".into(), &frontier, later, Some(&first), "k1".into());
    assert!(first.extends_previous(&[]));
    assert!(second.extends_previous(&proof::consistency(&leaves, 7).unwrap()));
    assert!(!second.extends_previous(&proof::consistency(&leaves, 6).unwrap()));
    let text = String::from_utf8(second.signed_bytes().unwrap()).unwrap();
    assert!(
        text.starts_with(r#"{"key_id":"k1","log":"org_1","previous_root":""#),
        "{text}"
    );
    assert!(
        text.ends_with(r#""size":11,"time":"1970-01-02T00:00:00.000Z"}"#),
        "{text}"
    );
}

#[test]
fn contiguity_finds_what_inclusion_cannot() {
    let range = SequenceRange { first: 5, last: 9 };
    assert_eq!(contiguous(range, 5..=9), Ok(()));
    assert_eq!(
        contiguous(range, [5, 6, 8, 9]),
        Err(Incomplete::Missing { seq: 7 })
    );
    assert_eq!(contiguous(range, 5..9), Err(Incomplete::Missing { seq: 9 }));
    assert_eq!(
        contiguous(range, [5, 6, 6]),
        Err(Incomplete::Repeated { seq: 6 })
    );
    assert_eq!(contiguous(range, [4]), Err(Incomplete::Repeated { seq: 4 }));
    assert_eq!(
        contiguous(range, 5..=10),
        Err(Incomplete::Repeated { seq: 10 })
    );
    assert_eq!(contiguous(range, []), Err(Incomplete::Missing { seq: 5 }));
}
