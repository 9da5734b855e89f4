//! Contract suites on every adapter, and the saboteurs they have to catch.

mod memory;
mod sabotage;
