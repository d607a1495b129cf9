"""What people see of a result: numbers and words, tables and pictures. Reads no file, computes no estimate."""
