"""The examples and the pages of docs/: their programs run under the commands they show, and answer as they say."""
