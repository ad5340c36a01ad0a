//! Claims jobs, runs their handlers, settles them.
