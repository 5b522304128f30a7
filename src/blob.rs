//! Blob storage: bytes are hashed while they stream.
