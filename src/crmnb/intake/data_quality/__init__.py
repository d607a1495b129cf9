"""What the import knows of the quality of the data, as tables that metrics read: counts of rows and cells, without a value of a client's."""
