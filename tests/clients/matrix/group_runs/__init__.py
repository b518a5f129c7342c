"""The long runs of consumer groups: members are processes of their own, so that they can be killed."""
