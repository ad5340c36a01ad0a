//! The one integration binary: what no crate can test by itself.

mod architecture;
mod command_line;
mod crash;
mod demo;
mod deploy;
mod disk_full;
mod doctor;
mod metrics;
mod operator;
mod popularity;
mod postgres;
mod rabbit;
mod redis;
mod servers;
mod stop;
mod support;
