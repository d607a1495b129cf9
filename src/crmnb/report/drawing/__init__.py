"""Drawing: what every chart shares: canvas, axes, labels, series and the figure with its text alternative."""
