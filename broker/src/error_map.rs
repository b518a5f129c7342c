//! The one map from refusals to Kafka's error codes. Machines and storage refuse in their own words; what clients see is read here.
