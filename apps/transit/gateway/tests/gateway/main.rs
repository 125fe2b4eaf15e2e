//! What holds of the gateway.

mod avro;
