"""The benchmark: Hark beside BullMQ and six Python libraries, on one Redis server, in interleaved rounds."""
