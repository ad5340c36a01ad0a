//! Every job kind: payload, handler, and the one list that registers them.
