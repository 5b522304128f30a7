//! The demo vendor's repository.
