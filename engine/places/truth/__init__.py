"""Ground truth: made from poses, anchors, indices or by alignment; checked; edited by hand without losing a stroke."""
