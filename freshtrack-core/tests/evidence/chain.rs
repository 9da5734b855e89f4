//! The audit chain finds every change, gap and cut.

use freshtrack_core::evidence::Sha256Hash;
use freshtrack_core::evidence::chain::{
    ChainHead, GENESIS, Link, Verifier, append, canonical_event, verify,
};
use serde_json::json;

fn chain(n: u64) -> Vec<Link<Vec<u8>>> {
    let mut previous_hash = GENESIS;
    (1..=n)
        .map(|seq| {
            let canonical = canonical_event(&json!({"seq": seq, "title": format!("event {seq}")}));
            let canonical = canonical.expect("an event of text and integers");
            let hash = append(previous_hash, &canonical);
            let link = Link {
                seq,
                previous_hash,
                hash,
                canonical,
            };
            previous_hash = hash;
            link
        })
        .collect()
}

#[test]
fn a_link_can_be_recomputed_with_sha256sum() {
    assert_eq!(GENESIS.to_hex(), "0".repeat(64));
    let hash = append(GENESIS, br#"{"seq":1}"#);
    assert_eq!(
        hash,
        Sha256Hash::of(&["0".repeat(64).as_bytes(), br#"{"seq":1}"#])
    );
}

#[test]
fn hash_fields_are_not_part_of_what_is_hashed() {
    let bare = canonical_event(&json!({"seq": 1, "data": {"hash": "kept"}})).unwrap();
    let stored = json!({"seq": 1, "hash": "x", "previous_hash": "y", "data": {"hash": "kept"}});
    assert_eq!(canonical_event(&stored).unwrap(), bare);
    assert_eq!(bare, br#"{"data":{"hash":"kept"},"seq":1}"#);
}

#[test]
fn a_sound_chain_verifies_whole_and_in_parts() {
    let links = chain(20);
    let result = verify(links.clone());
    assert!(result.ok && result.first_bad_seq.is_none());
    assert_eq!(
        (result.checked, result.head_seq, result.head_hash),
        (20, 20, links[19].hash)
    );
    let mut part = Verifier::after(ChainHead {
        seq: 5,
        hash: links[4].hash,
    });
    for link in &links[5..12] {
        part.push(link);
    }
    let part = part.finish();
    assert_eq!((part.ok, part.checked, part.head_seq), (true, 7, 12));
    let none = verify(Vec::<Link<Vec<u8>>>::new());
    assert_eq!(
        (none.ok, none.checked, none.head_seq, none.head_hash),
        (true, 0, 0, GENESIS)
    );
}

/// Acceptance example A-69.
#[test]
fn one_changed_byte_in_a_thousand_events_is_found_where_it_is() {
    let mut links = chain(1000);
    links[416].canonical[3] ^= 1;
    let result = verify(links);
    assert_eq!(
        (result.ok, result.first_bad_seq, result.head_seq),
        (false, Some(417), 416)
    );
}

#[test]
fn every_single_bit_of_an_event_counts() {
    let links = chain(3);
    for bit in 0..links[1].canonical.len() * 8 {
        let mut changed = links.clone();
        changed[1].canonical[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(verify(changed).first_bad_seq, Some(2), "bit {bit}");
    }
}

#[test]
fn a_removed_moved_or_rehashed_event_is_found() {
    let links = chain(10);
    let mut removed = links.clone();
    removed.remove(4);
    assert_eq!(verify(removed).first_bad_seq, Some(5));
    let mut swapped = links.clone();
    swapped.swap(3, 4);
    assert_eq!(verify(swapped).first_bad_seq, Some(4));
    let mut relinked = links.clone();
    relinked[6].previous_hash = GENESIS;
    assert_eq!(verify(relinked).first_bad_seq, Some(7));
    // A forger who recomputes the changed event's own hash is caught by the next one.
    let mut rehashed = links;
    rehashed[6].canonical = b"{}".to_vec();
    rehashed[6].hash = append(rehashed[6].previous_hash, b"{}");
    assert_eq!(verify(rehashed).first_bad_seq, Some(8));
}

#[test]
fn a_head_recorded_elsewhere_shows_a_cut_tail_and_a_rewritten_past() {
    let links = chain(10);
    let check = |recorded: ChainHead, links: &[Link<Vec<u8>>]| {
        let mut verifier = Verifier::after(ChainHead::GENESIS).containing(recorded);
        for link in links {
            verifier.push(link);
        }
        verifier.finish().first_bad_seq
    };
    let recorded = ChainHead {
        seq: 8,
        hash: links[7].hash,
    };
    assert_eq!(check(recorded, &links), None);
    assert_eq!(check(recorded, &links[..7]), Some(8));
    assert!(
        verify(links[..7].to_vec()).ok,
        "without the head the cut cannot be seen"
    );
    let other = ChainHead {
        seq: 8,
        hash: links[8].hash,
    };
    assert_eq!(check(other, &links), Some(8));
}
