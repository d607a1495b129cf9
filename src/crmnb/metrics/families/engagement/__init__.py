"""Engagement: how customers respond to messages and posts, how they use the web site, the app and the loyalty programme."""

PARTS = ("emails", "personalisation", "website", "social", "loyalty")
