"""Accuracy: do the intervals hold the truth, and how often does a report show a false signal?"""
