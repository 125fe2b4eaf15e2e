//! Tests on real brokers of Apache Kafka.

mod broker;
