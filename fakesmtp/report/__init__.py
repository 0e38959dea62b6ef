"""Reports: small projections of what happened and of how it was judged, each for one kind of reader."""
