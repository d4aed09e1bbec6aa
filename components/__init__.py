"""What is made of a stack file: ComponentResources, a folder a subject. What the file may say is in config/."""
