#![cfg(test)]
//! Coordinators through their public face.

mod corpus;
