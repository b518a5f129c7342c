"""Drives published Kafka clients against one broker and compares what they see."""
