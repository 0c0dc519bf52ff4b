package com.example.deploy;

import java.io.File;
import java.nio.file.Files;
import org.apache.catalina.startup.Tomcat;

/** A Tomcat with one WAR. */
public class Deploy {

    public static void main(String[] args) throws Exception {
        Tomcat tomcat = new Tomcat();
        tomcat.setBaseDir(Files.createTempDirectory("tomcat").toString());
        tomcat.setPort(Integer.parseInt(args[1]));
        tomcat.getConnector().setProperty("address", "127.0.0.1");
        tomcat.addWebapp(args[2], new File(args[0]).getAbsolutePath());
        tomcat.start();
        System.out.println("Tomcat started on port " + tomcat.getConnector().getLocalPort());
        System.out.println(" Started ");
        tomcat.getServer().await();
    }
}
