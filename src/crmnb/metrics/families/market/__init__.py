"""Market: the own brand among its competitors: shares, the brand in people's minds, and the position among peers."""

PARTS = ("shares", "brand", "peers")
