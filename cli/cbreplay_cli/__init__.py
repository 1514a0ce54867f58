"""The command line of cbreplay: thin commands over the public ``cbreplay``."""
