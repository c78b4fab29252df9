"""Where clips and pictures lie once they are made: this machine's disk, a folder that servers share, an S3-compatible store."""
