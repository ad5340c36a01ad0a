//! Product images: decode, orient, resize, encode, store by content.
