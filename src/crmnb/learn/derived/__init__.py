"""Derived lessons: the lesson that follows from a metric's definition and its rows."""
