#!/bin/sh
# Munki: uninstall_script of the package.
exec "/Applications/port26.app/Contents/Resources/remove-port26"
