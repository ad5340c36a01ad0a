//! The queue on Redis while workers, the server and the line between them fail.

mod faults;
mod processes;
mod rig;
