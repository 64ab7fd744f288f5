"""Would this packet pass, and which line of the profile says so? Asked of the very rules that ship, without a kernel.

rules: the grammar and meaning of one rule; routes: where a packet goes; walk: the way through all hooks;
zones: who may open connections to whom; ask, tell: words of people in, words for people out.
"""
