#!/bin/bash
# The fuzz targets, LONG_S seconds in all.
exec "$(dirname "$0")/../fuzz/run" $((LONG_S / 3))
