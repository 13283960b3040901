//! customercenter: what customers see of their orders, fed by events alone.

pub mod view;
