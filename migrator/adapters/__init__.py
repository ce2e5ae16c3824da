"""The shell around the pure core: files in, snapshots out. Nothing else touches the disk.

`files.read_sources` is the way in. What cannot be read is recorded in the snapshot as `Unread`; what
leaves nothing to read at all is a `ManifestError`.
"""
