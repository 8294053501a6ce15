#!/bin/sh
exec sleep "${1:-1}"
