//! Services in this process, asked without a wire.

mod door;

pub(crate) use door::Door;
