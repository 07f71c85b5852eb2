"""The guest program: what runs inside a virtual machine or a container of the platform.

Standard library only, Python 3.11 or newer. ``inside_program.py`` packs it, with the parts of the
local sandbox that it shares, into one file; that file is copied into the guest and run there.
"""
