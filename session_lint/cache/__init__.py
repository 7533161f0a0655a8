"""What a run leaves for the next one: the IR of files by their content, and the findings of a whole tree by all that made them.

Everything in it is MessagePack that is decoded into fixed types, so reading it runs no code; what is truncated, foreign or
of another release is dropped and made anew.
"""
