"""What a change to the stack file will do, and to whom: for the pull request, and as a page with a drawing.

A preview says what changes, the live cloud who depends on it, bench/results how long the long steps take. Nothing is
changed anywhere.
"""
