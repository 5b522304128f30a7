//! An appliance as one file.
mod hardware;
mod manifest;
mod names;
mod ovf;
mod properties;
mod tar;
mod xml;
