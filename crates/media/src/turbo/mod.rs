//! The codecs in C behind the feature `turbo`: libjpeg-turbo and libwebp.

mod heap;
mod jpeg;
mod webp;

pub(crate) use jpeg::{Handles, decode_jpeg, encode_jpeg};
pub(crate) use webp::{decode_webp, encode_webp};
