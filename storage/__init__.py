"""Where records are kept: mongod, the write queue, the spool and the indexes."""
