//! The port to the outside: consumer, producer, admin.
