"""What an edit changes in what is known of a tree, found without linking the program again.

Linking looks at every file, whichever was edited. Here the IR of the edited files is compared with what it was: where
nothing but positions differ, all that was found is moved to where it now stands. Whatever cannot be shown to be such an
edit is linked.
"""
