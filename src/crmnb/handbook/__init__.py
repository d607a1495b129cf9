"""Handbook: a page per metric with its formula and its count on the corner shop, the glossary, and the lessons for who only reads."""
