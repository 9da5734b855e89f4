//! Verification of tokens, by every kind of key and against every known trick.

#[cfg(test)]
mod claims;
#[cfg(test)]
mod issuers;
#[cfg(test)]
mod jwks;
#[cfg(test)]
mod keys;
#[cfg(test)]
mod signatures;
