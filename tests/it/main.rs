//! Black-box tests; each module is one kind of trouble.
#![cfg(test)]
