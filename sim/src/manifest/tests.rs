//! Bad inputs and what is said about them.
