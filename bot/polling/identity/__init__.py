"""Recognition of entries as stored articles, despite changes by their publisher."""
