"""What a change to the stack file will do, and to whom: for the pull request, and as a page that shows the cloud.

A preview says what changes, the live cloud who depends on it. Nothing is changed anywhere.
"""
