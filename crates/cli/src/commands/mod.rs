//! One module a command.

pub mod config;
pub mod demo;
pub mod doctor;
pub mod images;
pub mod import;
pub mod jobs;
pub mod locks;
pub mod popularity;
pub mod queues;
pub mod roles;
pub mod search;
pub mod status;
pub mod views;
